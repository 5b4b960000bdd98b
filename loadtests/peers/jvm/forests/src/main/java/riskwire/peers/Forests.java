package riskwire.peers;

import com.amazon.randomcutforest.RandomCutForest;

/** The library's own defaults (50 trees of 256 points), one thread, all boxes cached for speed. */
public final class Forests {
  private Forests() {}

  public static RandomCutForest create() {
    return RandomCutForest.builder()
        .dimensions(Features.COUNT)
        .numberOfTrees(50)
        .sampleSize(256)
        .boundingBoxCacheFraction(1.0)
        .parallelExecutionEnabled(false)
        .randomSeed(7)
        .build();
  }
}
